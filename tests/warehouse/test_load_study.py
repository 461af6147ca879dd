"""A study definition that cannot mean anything is refused with the words to mend it."""

from __future__ import annotations

from datetime import date

import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.errors import LoadRefused

EVENT = {
    "event_id": "news",
    "title": "News",
    "event_type": "demand",
    "news_date": date(2025, 3, 26),
    "news_timing": "in_session",
}
HEADLINE = {"model_id": "headline", "factors": "AAA", "is_headline": True, "reason": "r"}
MODEL = {"model_id": "other", "is_headline": False, "reason": "r"}
WINDOW = {"window_id": "[-1,1]", "first_day": -1, "last_day": 1}
GROUP = {"group_id": "some", "title": "Some firms"}
EVENT_SET = {"set_id": "some", "title": "Some events"}
BASKET = {"basket_id": "ai", "title": "AI shares", "reason": "r"}
ROLLING = {
    "window_sessions": 60,
    "min_sessions": 45,
    "is_headline": True,
    "reason": "r",
    "decided_date": date(2025, 1, 1),
}
SCAN = {"scan_id": "all", "title": "All", "group_id": "some", "model_id": "headline", "reason": "r"}
VALUES = {
    "estimation_first_day": -260,
    "estimation_last_day": -11,
    "min_estimation_sessions": 30,
    "short_window_sessions": 120,
    "min_common_sessions": 60,
    "pue_assumed": 1,
}


def parameters(**values: float) -> list[dict]:
    return [
        {
            "parameter": name,
            "value": value,
            "unit": "sessions",
            "reason": "r",
            "decided_date": date(2025, 1, 1),
        }
        for name, value in values.items()
    ]


def refusal(loading, table: str, rows: list[dict], **how) -> LoadRefused:
    loading.load("market_events", [EVENT])
    before = loading.rows(table)
    with pytest.raises(LoadRefused) as refused:
        loading.load(table, rows, **how)
    assert loading.rows(table) == before, "a refused load touched the stored rows"
    assert refused.value.mend
    return refused.value


# --- models ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        {"factors": "AAA"},
        {"factors": "AAA", "method": "ols", "return_kind": "log", "mask_other_events": True},
        {"factors": "AAA; bitcoin ;BBB"},
        {"factors": "bitcoin", "method": "market_adjusted"},
        {"factors": "AAA", "method": "market_adjusted", "leverage": "one_over_n"},
        {"factors": "AAA", "leverage": "model"},
        {"method": "mean_adjusted"},
    ],
)
def test_models_of_every_kind_load(loading, model):
    report = loading.load("study_models", [HEADLINE, MODEL | model])
    assert (report.rejected, report.total) == (0, 2)


NO_FACTOR = "a mean_adjusted model has no factor: empty its field factors"
ONE_FACTOR = "a market_adjusted model has exactly one factor: name one in its field factors"
SOME_FACTOR = (
    "an ols model needs a factor: name one in its field factors, or say mean_adjusted in the "
    "column method"
)
UNKNOWN = (
    "column factors: value {} is not in companies: name a ticker of ledger/companies.csv (or "
    "the word bitcoin) as the factor in study/models.csv of your data folder"
)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            {"factors": "AAA", "method": "capm"},
            "column method: value capm is none of mean_adjusted, market_adjusted, ols",
        ),
        (
            {"factors": "AAA", "return_kind": "percent"},
            "column return_kind: value percent is none of simple, log",
        ),
        (
            {"factors": "AAA", "leverage": "2"},
            "column leverage: value 2 is none of model, one_over_n",
        ),
        (
            {"factors": "AAA", "model_id": "Market Model"},
            "column model_id: value Market Model does not look like small "
            "letters, digits and _, a letter first, like market_model",
        ),
        ({"factors": "ZZZ"}, UNKNOWN.format("ZZZ")),
        ({"factors": "AAA;ZZZ;bitcoin"}, UNKNOWN.format("ZZZ")),
        ({"factors": "Bitcoin"}, UNKNOWN.format("Bitcoin")),
        ({"factors": "AAA;"}, UNKNOWN.format("(empty)")),
        ({"factors": "AAA", "method": "mean_adjusted"}, NO_FACTOR),
        ({"method": "market_adjusted"}, ONE_FACTOR),
        ({"factors": "AAA;BBB", "method": "market_adjusted"}, ONE_FACTOR),
        ({}, SOME_FACTOR),
        ({"method": "ols"}, SOME_FACTOR),
        (
            {"factors": "AAA; AAA"},
            "a factor is named twice: a regression cannot tell the two apart",
        ),
        *(
            (
                {"factors": factors, "method": method, "leverage": "one_over_n"},
                "only a market_adjusted model may have the leverage one_over_n: the others "
                "estimate what theirs is",
            )
            for factors, method in (("AAA", None), ("AAA", "ols"), (None, "mean_adjusted"))
        ),
    ],
)
def test_a_model_that_cannot_be_fitted_names_its_line(loading, model, said):
    error = refusal(loading, "study_models", [HEADLINE, MODEL | model])
    separator = ", " if said.startswith("column") else ": "
    assert error.where == f"study/models.csv, line 3{separator}{said}"


@pytest.mark.parametrize(
    ("marked", "found"), [((), "none"), (("first", "second"), "first and second")]
)
def test_the_summary_has_one_model(loading, marked, found):
    models = [
        HEADLINE | {"model_id": name, "is_headline": name in marked}
        for name in ("second", "first", "third")
    ]
    error = refusal(loading, "study_models", models)
    assert error.what == (
        "Table study_models needs exactly one model with is_headline = 1, but there is "
        f"{found}; nothing was loaded, the stored rows stay."
    )
    assert error.where == "/folder/study/models.csv"
    assert error.mend == (
        "set is_headline to 1 for the model the summary shows and to 0 for all others"
    )
    assert loading.query("SELECT status FROM ingest.batches WHERE table_name = 'study_models'") == [
        ("refused",)
    ]


def test_a_file_without_a_model_is_refused(loading):
    assert "needs exactly one model" in refusal(loading, "study_models", []).what


# --- windows -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ranks",
    [
        {},
        {"rank_first_day": -1, "rank_last_day": 1},
        {"rank_first_day": -20, "rank_last_day": 10},
    ],
)
def test_windows_may_name_the_ranked_days(loading, ranks):
    assert loading.load("study_windows", [WINDOW | ranks]).total == 1


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        *(
            (
                {name: 1},
                "only one of rank_first_day and rank_last_day has a value: give both or none",
            )
            for name in ("rank_first_day", "rank_last_day")
        ),
        (
            {"rank_first_day": 5, "rank_last_day": -5},
            "the ranked days end before they start",
        ),
        *(
            (
                {"rank_first_day": first, "rank_last_day": last},
                "rank_first_day to rank_last_day do not hold the whole window, whose days are "
                "tested",
            )
            for first, last in ((0, 5), (-5, 0), (3, 5))
        ),
    ],
)
def test_ranked_days_that_make_no_sense(loading, ranks, said):
    error = refusal(loading, "study_windows", [WINDOW | ranks])
    assert error.where == f"study/windows.csv, line 2: {said}"


# --- groups ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("focal", None),
        ("named", None),
        ("role", "miner"),
        ("tickers", "AAA; BBB"),
        ("exposure", "contracted"),
        ("exposure", "none_found"),
        ("exposure", "unknown"),
    ],
)
def test_groups_of_every_kind_load(loading, kind, value):
    row = GROUP | {"rule_kind": kind, "rule_value": value}
    assert loading.load("study_groups", [row]).total == 1


EMPTY = ": rule_value is empty: name the role, the tickers or the exposure"


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (
            "weather",
            "fine",
            ", column rule_kind: value weather is none of focal, role, tickers, named, exposure",
        ),
        (
            "tickers",
            "AAA;ZZZ",
            ", column rule_value: value ZZZ is not in companies: add the ticker to "
            "ledger/companies.csv or correct its spelling",
        ),
        ("tickers", None, EMPTY),
        ("role", None, EMPTY),
        ("exposure", None, EMPTY),
        (
            "role",
            "miners",
            ": rule_value is no role: choose one of miner, hyperscaler, ai_infrastructure, "
            "benchmark, bitcoin_proxy, firm, index",
        ),
        (
            "exposure",
            "high",
            ": rule_value is no exposure: choose one of contracted, none_found, unknown",
        ),
    ],
)
def test_a_group_nobody_can_be_in_names_its_line(loading, kind, value, said):
    row = GROUP | {"rule_kind": kind, "rule_value": value}
    error = refusal(loading, "study_groups", [row])
    assert error.where == f"study/groups.csv, line 2{said}"


# --- sets of events ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [("event_type", "demand"), ("event_type", "none_yet"), ("events", "news"), ("events", " news")],
)
def test_sets_of_every_kind_load(loading, kind, value):
    loading.load("market_events", [EVENT])
    row = EVENT_SET | {"rule_kind": kind, "rule_value": value}
    assert loading.load("study_event_sets", [row]).total == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"rule_value": "news;olds"},
            ", column rule_value: value olds is not in market_events: add the event to "
            "ledger/events.csv or correct its spelling",
        ),
        (
            {"rule_kind": "weekday"},
            ", column rule_kind: value weekday is none of event_type, events",
        ),
        (
            {"set_id": "Some Events"},
            ", column set_id: value Some Events does not look like small "
            "letters, digits, _ and dashes, a letter first, like all-miners",
        ),
        ({"rule_value": None}, ", column rule_value: value is missing"),
        (
            {"set_id": "news"},
            ": set_id is the name of an event too: the results of the two would be one",
        ),
    ],
)
def test_a_set_of_what_is_not_there_names_its_line(loading, change, said):
    row = EVENT_SET | {"rule_kind": "events", "rule_value": "news"} | change
    error = refusal(loading, "study_event_sets", [row])
    assert error.where == f"study/event_sets.csv, line 2{said}"


# --- checks of claims --------------------------------------------------------------------

CLAIM = {
    "claim_id": "fell",
    "claim": "Shares fell",
    "claim_date": date(2025, 3, 26),
    "date_precision": "day",
    "origin": "o",
    "source_name": "s",
    "source_url": "https://example.org/a",
    "source_quality": "news",
}
CHECK = {
    "claim_id": "fell",
    "check_number": 1,
    "measure_id": "fall_at_close",
    "comparison": "between",
    "decides": True,
    "event_id": "news",
    "tickers": "AAA",
    "tolerance": 0.5,
    "unit": "percent",
    "reason": "r",
    "decided_date": date(2025, 1, 1),
}
OPINION = {"measure_id": "none", "comparison": "none", "unit": None, "tolerance": None}


@pytest.mark.parametrize("change", [{}, {"is_proxy": True}, OPINION])
def test_a_check_of_a_claim_loads(loading, change):
    loading.load("market_events", [EVENT])
    loading.load("press_claims", [CLAIM])
    assert loading.load("study_claim_checks", [CHECK | change]).total == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"claim_id": "rose"},
            ", column claim_id: value rose is not in press_claims: add the claim to "
            "ledger/press_claims.csv or correct its spelling",
        ),
        (
            {"tickers": "AAA;XYZ"},
            ", column tickers: value XYZ is not in companies: add the ticker to "
            "ledger/companies.csv or correct its spelling",
        ),
        ({"measure_id": "mood"}, ", column measure_id: value mood is none of "),
        ({"tolerance": None}, ": tolerance is empty: say how far a number may lie outside"),
        ({"unit": "USD"}, ": the unit of fall_at_close is percent"),
        ({"unit": None}, ": the unit of fall_at_close is percent"),
        ({"event_id": None}, ": fall_at_close needs event_id, tickers"),
        ({"comparison": "mentions", "expected_text": "a"}, ": comparison does not fit the measure"),
        ({"expected_low": 2.0, "expected_high": 1.0}, ": expected_low is above expected_high"),
        (
            {"first_date": date(2025, 1, 2), "last_date": date(2025, 1, 1)},
            ": last_date is before first_date",
        ),
        (
            {
                "measure_id": "event_session",
                "comparison": "same_date",
                "unit": "date",
                "expected_text": "June",
            },
            ": expected_text is no day: write YYYY-MM-DD or YYYY-MM",
        ),
        (
            {
                "measure_id": "cited_text",
                "comparison": "mentions",
                "cited_claim_ids": "fell",
                "unit": "text",
            },
            ": expected_text is empty: give the words to look for",
        ),
        (
            {"measure_id": "cited_value", "cited_claim_ids": "fell", "unit": None},
            ": unit is empty: say in which unit the cited value is compared",
        ),
    ],
)
def test_a_check_that_cannot_be_made_names_its_line(loading, change, said):
    loading.load("press_claims", [CLAIM])
    error = refusal(loading, "study_claim_checks", [CHECK | change])
    assert error.where.startswith(f"study/claim_checks.csv, line 2{said}")


# --- baskets and windows of the rolling betas ----------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"), [("role", "ai_infrastructure"), ("tickers", "AAA"), ("tickers", "AAA; BBB")]
)
def test_baskets_of_every_kind_load(loading, kind, value):
    row = BASKET | {"rule_kind": kind, "rule_value": value}
    assert loading.load("study_baskets", [row]).total == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"rule_kind": "tickers", "rule_value": "AAA;ZZZ"},
            ", column rule_value: value ZZZ is not in companies: add the ticker to "
            "ledger/companies.csv or correct its spelling",
        ),
        (
            {"rule_value": "chips"},
            ": rule_value is no role: choose one of miner, hyperscaler, ai_infrastructure, "
            "benchmark, bitcoin_proxy, firm, index",
        ),
        ({"rule_kind": "focal"}, ", column rule_kind: value focal is none of role, tickers"),
        ({"basket_id": "chips"}, ", column basket_id: value chips is none of ai"),
    ],
)
def test_a_basket_of_what_is_not_there_names_its_line(loading, change, said):
    row = BASKET | {"rule_kind": "role", "rule_value": "miner"} | change
    error = refusal(loading, "study_baskets", [row])
    assert error.where == f"study/baskets.csv, line 2{said}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"min_sessions": 61},
            ": min_sessions is more than the window holds: no beta could ever be estimated",
        ),
        (
            {"window_sessions": 9},
            ", column window_sessions: value 9 is below the least accepted value 10",
        ),
    ],
)
def test_a_window_without_betas_names_its_line(loading, change, said):
    error = refusal(loading, "study_rolling_windows", [ROLLING | change])
    assert error.where.startswith("study/rolling_windows.csv, line 2")
    assert said in error.where


@pytest.mark.parametrize("headlines", [(False, False), (True, True)])
def test_one_window_gives_the_exposure(loading, headlines):
    rows = [
        ROLLING | {"window_sessions": length, "is_headline": headline}
        for length, headline in zip((60, 120), headlines, strict=True)
    ]
    error = refusal(loading, "study_rolling_windows", rows)
    assert "exactly one window with is_headline = 1" in error.what


# --- scans -------------------------------------------------------------------------------


@pytest.fixture
def scanning(loading):
    """Two groups and two models, of which one each is no use to a scan."""
    groups = [
        GROUP | {"rule_kind": "focal"},
        GROUP | {"group_id": "named", "rule_kind": "named"},
        GROUP | {"group_id": "exposed", "rule_kind": "exposure", "rule_value": "contracted"},
    ]
    masked = MODEL | {"factors": "AAA", "mask_other_events": True}
    assert loading.load("study_groups", groups).total == 3
    assert loading.load("study_models", [HEADLINE, masked]).total == 2
    return loading


def test_a_scan_of_a_fixed_group_loads(scanning):
    assert scanning.load("study_scans", [SCAN]).total == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"group_id": "nobody"},
            ", column group_id: value nobody is not in study_groups: name a group of "
            "study/groups.csv",
        ),
        (
            {"model_id": "nothing"},
            ", column model_id: value nothing is not in study_models: name a model of "
            "study/models.csv",
        ),
        *(
            (
                {"group_id": group},
                ": the group's members change with the event, and a scanned session has none: "
                "choose a group whose rule_kind is focal, role or tickers",
            )
            for group in ("named", "exposed")
        ),
        (
            {"model_id": "other"},
            ": the model leaves out sessions near other events, and a scan looks at all of them "
            "alike: choose a model without mask_other_events",
        ),
    ],
)
def test_a_scan_that_cannot_be_names_its_line(scanning, change, said):
    error = refusal(scanning, "study_scans", [SCAN | change])
    assert error.where == f"study/scans.csv, line 2{said}"


# --- parameters --------------------------------------------------------------------------


def test_the_parameters_are_those_of_the_contract():
    assert tuple(VALUES) == BY_NAME["study_parameters"].required_keys


@pytest.mark.parametrize(
    ("absent", "listed", "mend"),
    [
        *(((name,), name, "add a row for it: ") for name in VALUES),
        (
            ("pue_assumed", "min_common_sessions"),
            "min_common_sessions, pue_assumed",
            "add a row for each: ",
        ),
    ],
)
def test_every_parameter_must_be_there(loading, absent, listed, mend):
    loading.load("study_parameters", parameters(**VALUES))
    rows = parameters(**{name: v for name, v in VALUES.items() if name not in absent})
    error = refusal(loading, "study_parameters", rows)
    assert error.what == (
        f"Table study_parameters lacks the parameter {listed}; nothing was loaded, the stored "
        "rows stay."
    )
    assert error.where == "/folder/study/parameters.csv"
    assert error.mend == (
        f"{mend}the project's own data/study/parameters.csv has all of them to copy"
    )


@pytest.mark.parametrize(("first", "last"), [(-11, -260), (-11, -11)])
def test_the_estimation_window_runs_forward(loading, first, last):
    values = VALUES | {"estimation_first_day": first, "estimation_last_day": last}
    error = refusal(loading, "study_parameters", parameters(**values))
    assert error.what == (
        "Table study_parameters needs an estimation_first_day before its estimation_last_day, "
        f"but there is {first:.1f} and {last:.1f}; nothing was loaded, the stored rows stay."
    )
    assert error.where == "/folder/study/parameters.csv"
    assert error.mend.startswith("correct the two values")


def test_an_answer_that_is_not_complete_is_judged_with_the_rows_it_leaves(loading):
    loading.load("study_parameters", parameters(**VALUES))
    (one,) = parameters(estimation_last_day=-21)
    assert loading.load("study_parameters", [one], complete=False).updated == 1
    (backward,) = parameters(estimation_last_day=-261)
    error = refusal(loading, "study_parameters", [backward], complete=False)
    assert "but there is -260.0 and -261.0" in error.what
