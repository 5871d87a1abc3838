"""Which readings of a journal are drawn, and in which order."""

from invented_run import rollouts, updates

from dajeong.report.curves import curves, panels
from dajeong.report.read import Stage


def test_rollout_readings_come_in_the_order_people_read_them() -> None:
    main, rest = panels([*rollouts(5), *updates(10, "policy", "value")])
    names = [panel.reading for panel in main]
    assert names == ["reward", "raw/reward", "kl", "length", "eos_share", "entropy", "policy", "value"]
    assert [panel.reading for panel in rest] == ["grad_norm", "lr"]
    assert [series.name for series in rest[0].series] == ["policy", "value"]


def test_validation_is_drawn_into_the_loss() -> None:
    checks = [{"event": "validation", "update": 5, "loss": 1.5}]
    (panel,) = panels([*updates(10, "nll"), *checks])[0]
    assert [(series.name, len(series.points)) for series in panel.series] == [
        ("train", 10),
        ("validation", 1),
    ]


def test_a_validation_that_names_its_terms_goes_to_them() -> None:
    checks = [{"event": "validation", "update": 5, "loss": {"accuracy": 0.5}}]
    first, second = panels([*updates(10, "ranking", "accuracy"), *checks])[0]
    assert len(first.series) == 1 and second.series[1].points == [(5.0, 0.5)]


def test_entries_of_other_shapes_are_passed_over() -> None:
    odd = [{"event": "update"}, {"event": "update", "update": "x", "loss": {"nll": "y"}}, {"no": "event"}, {}]
    main, rest = panels([*odd, *updates(3, "nll")])
    assert [panel.reading for panel in main] == ["nll"] and len(main[0].series[0].points) == 3
    assert [panel.reading for panel in rest] == ["grad_norm", "lr"]


def test_a_step_without_readings_has_no_heading() -> None:
    assert curves([Stage("smalltalk", "smalltalk", done=True, journal=({"event": "note", "x": 1},))]) == ""
