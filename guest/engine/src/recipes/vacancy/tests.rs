use super::*;

const NOW: i64 = 1_795_000_000_000;

fn moment(now_ms: i64, entry: Option<u64>) -> Moment {
    Moment { now_ms, entry, luck: 1.0, eagerness: 1.0 }
}

/// A value fresh for 100 ms, that may be stale for 50 ms more, and took 20 ms.
fn filled() -> Vacancy {
    let mut vacancy = Vacancy::default();
    vacancy.fill(Some(About { version: 5, fresh: Until::after(NOW, 100), stale: Until::after(NOW, 150), cost_ms: 20 }));
    vacancy
}

#[test]
fn a_missing_value_is_computed_by_one_while_others_wait() {
    let (mut vacancy, watch) = (Vacancy::default(), Watch::default());
    assert_eq!(vacancy.decide(&moment(NOW, None), &watch), Decision::Compute);
    vacancy.occupy(1, 100, NOW);
    assert_eq!(vacancy.decide(&moment(NOW, None), &watch), Decision::Wait);
    assert!(vacancy.is_held_by(1) && !vacancy.is_held_by(2));
    vacancy.vacate();
    assert_eq!(vacancy.decide(&moment(NOW, None), &watch), Decision::Compute);
}

#[test]
fn a_value_is_fresh_then_stale_then_missing() {
    let (vacancy, watch) = (filled(), Watch::default());
    for (after, decision) in
        [(0, Decision::Hit), (99, Decision::Hit), (100, Decision::Refresh), (150, Decision::Compute)]
    {
        assert_eq!(vacancy.decide(&moment(NOW + after, Some(5)), &watch), decision, "after {after} ms");
    }
    let mut refreshed = vacancy;
    refreshed.occupy(1, 100, NOW);
    for (after, decision) in [(99, Decision::Hit), (149, Decision::Stale), (150, Decision::Wait)] {
        assert_eq!(refreshed.decide(&moment(NOW + after, Some(5)), &watch), decision, "after {after} ms");
    }
}

#[test]
fn a_value_that_somebody_else_has_stored_is_as_good_as_any() {
    assert_eq!(filled().decide(&moment(NOW + 200, Some(6)), &Watch::default()), Decision::Hit);
}

#[test]
fn chance_and_cost_decide_when_to_compute_early() {
    let vacancy = filled();
    let early = |after: i64, luck: f64, eagerness: f64| {
        let moment = Moment { luck, eagerness, ..moment(NOW + after, Some(5)) };
        vacancy.decide(&moment, &Watch::default()) == Decision::Refresh
    };
    // 20 ms × -ln(0.05) = 59.9 ms ahead.
    assert!(!early(40, 0.05, 1.0));
    assert!(early(41, 0.05, 1.0));
    assert!(!early(99, 1.0, 1.0), "the luckiest computes never early");
    assert!(!early(99, 0.000_001, 0.0), "nor who does not want to");
    assert!(early(20, 0.05, 2.0));
}

#[test]
fn a_failure_is_remembered_for_a_while_and_hides_no_value() {
    let (mut vacancy, watch) = (filled(), Watch::default());
    vacancy.occupy(1, 100, NOW);
    vacancy.fail("no network", NOW + 160, 30);
    assert_eq!(vacancy.reason(), "no network");
    for (after, entry, decision) in [
        (160, None, Decision::Failed),
        (160, Some(5), Decision::Stale),
        (190, None, Decision::Compute),
        (190, Some(5), Decision::Compute),
        (10, None, Decision::Failed),
    ] {
        assert_eq!(vacancy.decide(&moment(NOW + after, entry), &watch), decision, "after {after} ms");
    }
    assert_eq!(vacancy.decide(&moment(NOW - 3_600_000, None), &watch), Decision::Compute, "the clock was set back");
}

#[test]
fn a_reason_is_cut_at_a_character() {
    let mut vacancy = Vacancy::default();
    vacancy.fail(&"ä".repeat(REASON_LIMIT), NOW, 1);
    assert_eq!(vacancy.reason().len(), REASON_LIMIT);
    vacancy.fail(&format!("x{}", "ä".repeat(REASON_LIMIT)), NOW, 1);
    assert_eq!(vacancy.reason().len(), REASON_LIMIT - 1);
    assert!(vacancy.is_sound());
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_fresh_for_longer() {
    let until = Until::after(NOW, 100);
    assert_eq!(until.left(NOW), 100);
    assert_eq!(until.left(NOW - CLOCK_TOLERANCE_MS), 1_100);
    assert_eq!(until.left(NOW - CLOCK_TOLERANCE_MS - 1), 0);
}
