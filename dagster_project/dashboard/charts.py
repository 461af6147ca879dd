"""Charts: colours that colour-blind people tell apart, and never colour alone.

Okabe and Ito's palette (2008). Series differ by dash or shape as well as by colour. Charts draw
what a query answered and compute nothing.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, SKY, PURPLE, GREY = "#E69F00", "#56B4E9", "#CC79A7", "#767676"

PERCENT = "+.0%"
# A chart's height holds its axis and legend too.
_AROUND = 110
# Two bars of one firm, and its name.
_ROW_HEIGHT = 36
# Billions and millions as people say them; the format itself says G and M.
DOLLARS = "replace(replace(format(datum.value, '$~s'), 'G', 'bn'), 'M', 'm')"


def _row_chart_height(rows: int, each: int = _ROW_HEIGHT) -> int:
    return each * max(rows, 1) + _AROUND


def _finish(chart: Any, height: int | None = None) -> Any:
    if height is not None:
        chart = chart.properties(height=height)
    # Vega's own menu offers an editor that would send the figures to another site.
    return chart.properties(usermeta={"embedOptions": {"actions": False}}).configure_axis(
        labelFontSize=12, titleFontSize=12
    )


def paired_bars(
    frame: pd.DataFrame, category: str, series: dict[str, str], title: str, order: list[str]
) -> Any:
    """Two or more bars for each row, in ``order``; ``series``: column to its name."""
    kept = frame.dropna(subset=list(series), how="all")
    colours = [GREY, BLUE, VERMILION][: len(series)] if len(series) > 1 else [BLUE]
    names = list(series.values())
    long = kept.rename(columns=series).melt(
        id_vars=[category], value_vars=names, var_name="series", value_name="value"
    )
    base = alt.Chart(long).encode(
        y=alt.Y(
            f"{category}:N",
            sort=order,
            title=None,
            axis=alt.Axis(labelLimit=160, labelOverlap=False),
        ),
        yOffset=alt.YOffset("series:N", sort=names),
        x=alt.X("value:Q", title=title, axis=alt.Axis(format=PERCENT, tickCount=5)),
        color=alt.Color(
            "series:N",
            scale=alt.Scale(domain=names, range=colours),
            legend=alt.Legend(orient="top", title=None, labelLimit=240),
        ),
        tooltip=[
            alt.Tooltip(f"{category}:N", title="Firm"),
            alt.Tooltip("series:N", title="Measure"),
            alt.Tooltip("value:Q", title="Value", format="+.1%"),
        ],
    )
    return _finish(base.mark_bar(), _row_chart_height(len(kept)))


def lines(
    frame: pd.DataFrame,
    x: str,
    series: dict[str, str],
    title: str,
    *,
    x_title: str,
    x_type: str = "Q",
    y_format: str = PERCENT,
    marks: pd.DataFrame | None = None,
    height: int = 300,
) -> Any:
    """Lines of several columns; ``marks`` (columns at, what) are vertical rules with words."""
    names = list(series.values())
    long = frame.rename(columns=series).melt(
        id_vars=[x], value_vars=names, var_name="series", value_name="value"
    )
    axis_x = alt.X(
        f"{x}:{x_type}",
        title=x_title,
        axis=alt.Axis(tickMinStep=1, format="%b %Y", labelOverlap=True)
        if x_type == "T"
        else alt.Axis(tickMinStep=1),
    )
    colours = [BLUE, VERMILION, GREEN, PURPLE][: len(names)]
    dashes = [[1, 0], [8, 3], [2, 3], [8, 3, 2, 3]][: len(names)]
    legend = alt.Legend(
        orient="top", title=None, labelLimit=260, symbolType="stroke", symbolSize=400
    )
    chart = (
        alt.Chart(long)
        .mark_line(strokeWidth=2.2, point=len(frame) <= 30)
        .encode(
            x=axis_x,
            y=alt.Y(
                "value:Q",
                title=title,
                axis=alt.Axis(format=y_format, tickCount=6),
                scale=alt.Scale(zero=False),
            ),
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=names, range=colours),
                legend=legend if len(names) > 1 else None,
            ),
            strokeDash=alt.StrokeDash(
                "series:N",
                scale=alt.Scale(domain=names, range=dashes),
                legend=legend if len(names) > 1 else None,
            ),
            tooltip=[
                alt.Tooltip(f"{x}:{x_type}", title=x_title),
                alt.Tooltip("series:N", title="Series"),
                alt.Tooltip("value:Q", title="Value", format=y_format),
            ],
        )
    )
    layers = [chart]
    if y_format == PERCENT:
        layers.insert(0, _zero())
    if marks is not None and not marks.empty:
        layers += _marks(marks, x_type)
    return _finish(alt.layer(*layers), height)


def _zero() -> Any:
    return (
        alt.Chart(pd.DataFrame({"zero": [0.0]}))
        .mark_rule(color=GREY, strokeWidth=1)
        .encode(y="zero:Q")
    )


def _marks(marks: pd.DataFrame, x_type: str) -> list[Any]:
    rule = (
        alt.Chart(marks)
        .mark_rule(color=GREY, strokeDash=[4, 4], strokeWidth=1.5)
        .encode(x=f"at:{x_type}", tooltip=["what:N"])
    )
    words = (
        alt.Chart(marks)
        .mark_text(align="left", dx=5, baseline="top", color=GREY, fontSize=12)
        .encode(x=f"at:{x_type}", y=alt.value(2), text="what:N")
    )
    return [rule, words]


def banded_line(
    frame: pd.DataFrame, x: str, middle: str, low: str, high: str, *, title: str, x_title: str
) -> Any:
    """A line in its band, with zero drawn: a band that includes zero is an ordinary path."""
    axis_x = alt.X(f"{x}:Q", title=x_title, axis=alt.Axis(tickMinStep=1))
    axis_y = alt.Y(f"{low}:Q", title=title, axis=alt.Axis(format=PERCENT, tickCount=6))
    band = (
        alt.Chart(frame)
        .mark_area(color=SKY, opacity=0.35)
        .encode(x=axis_x, y=axis_y, y2=f"{high}:Q")
    )
    line = (
        alt.Chart(frame)
        .mark_line(color=BLUE, strokeWidth=2.4, point=alt.OverlayMarkDef(color=BLUE, size=40))
        .encode(
            x=axis_x,
            y=alt.Y(f"{middle}:Q", title=title),
            tooltip=[
                alt.Tooltip("session_date:T", title="Session", format="%Y-%m-%d"),
                alt.Tooltip(f"{middle}:Q", title="Abnormal, cumulated", format="+.1%"),
                alt.Tooltip(f"{low}:Q", title="Band from", format="+.1%"),
                alt.Tooltip(f"{high}:Q", title="to", format="+.1%"),
            ],
        )
    )
    event = pd.DataFrame({"at": [0], "what": ["event session"]})
    return _finish(alt.layer(band, _zero(), line, *_marks(event, "Q")), 300)


def bars_or_words(
    frame: pd.DataFrame, category: str, value: str, words: str, *, title: str, order: list[str]
) -> Any:
    """A bar for each row, with ``words`` (a column) beside it: also for what is not known."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            f"{category}:N",
            sort=order,
            title=None,
            axis=alt.Axis(labelLimit=160, labelOverlap=False),
        )
    )
    top = float(frame[value].max()) if frame[value].notna().any() else 1.0
    bars = base.mark_bar(color=BLUE).encode(
        # Room on the right for the words of the longest bar.
        x=alt.X(
            f"{value}:Q",
            title=title,
            scale=alt.Scale(domain=[0, 1.35 * max(top, 1)]),
            axis=alt.Axis(tickCount=5),
        ),
        tooltip=[
            alt.Tooltip(f"{category}:N", title="Firm"),
            alt.Tooltip(f"{words}:N", title="Known"),
        ],
    )
    labels = base.transform_calculate(place=f"isValid(datum.{value}) ? datum.{value} : 0")
    text = labels.mark_text(align="left", dx=4, fontSize=12, color=GREY).encode(
        x="place:Q", text=f"{words}:N"
    )
    return _finish(alt.layer(bars, text), _row_chart_height(len(frame), 24))


def scatter(frame: pd.DataFrame, *, x_title: str, x_format: str) -> Any:
    """Exposure against abnormal return, with the published slope and its leave-one-out range."""
    known = frame.dropna(subset=["exposure", "car"])
    axis_x = alt.X("exposure:Q", title=x_title, axis=alt.Axis(format=x_format, tickCount=5))
    y_title = "Abnormal return"
    axis_y = alt.Y("car:Q", title=y_title, axis=alt.Axis(format=PERCENT, tickCount=6))
    layers = [_zero()]
    if known["fitted_car"].notna().any():
        range_of = (
            alt.Chart(known)
            .mark_area(color=SKY, opacity=0.3)
            .encode(
                x=axis_x,
                y=alt.Y("fitted_car_low:Q", title=y_title),
                y2="fitted_car_high:Q",
            )
        )
        slope = (
            alt.Chart(known)
            .mark_line(color=GREY, strokeDash=[6, 4])
            .encode(x=axis_x, y=alt.Y("fitted_car:Q", title=y_title))
        )
        layers += [range_of, slope]
    points = alt.Chart(known).encode(
        x=axis_x,
        y=axis_y,
        tooltip=[
            alt.Tooltip("ticker:N", title="Ticker"),
            alt.Tooltip("name:N", title="Firm"),
            alt.Tooltip("exposure:Q", title="Exposure", format=x_format),
            alt.Tooltip("car:Q", title=y_title, format="+.1%"),
        ],
    )
    layers += [
        points.mark_point(color=VERMILION, filled=True, size=90, shape="diamond"),
        points.mark_text(dx=8, align="left", fontSize=12, color=GREY).encode(text="ticker:N"),
    ]
    return _finish(alt.layer(*layers), 340)


def timeline(frame: pd.DataFrame) -> Any:
    """Announcements by day and company; shape and colour say what they mean for AI demand."""
    directions = ["expands", "contracts", "neutral"]
    dated = frame.dropna(subset=["announced_on"])
    companies = dated["company"].nunique() + 3  # the legend has three lines
    return _finish(
        alt.Chart(dated)
        .mark_point(filled=True, size=80, opacity=0.85)
        .encode(
            x=alt.X("announced_on:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=5)),
            y=alt.Y(
                "company:N",
                title=None,
                sort="ascending",
                axis=alt.Axis(labelLimit=130, labelOverlap=False),
            ),
            shape=alt.Shape(
                "direction:N",
                scale=alt.Scale(
                    domain=directions, range=["triangle-up", "triangle-down", "circle"]
                ),
                legend=alt.Legend(orient="top", title=None, columns=1),
            ),
            color=alt.Color(
                "direction:N",
                scale=alt.Scale(domain=directions, range=[BLUE, VERMILION, GREY]),
                legend=alt.Legend(orient="top", title=None, columns=1),
            ),
            tooltip=[
                alt.Tooltip("announced_on:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip("company:N", title="Company"),
                alt.Tooltip("kind:N", title="Kind"),
                alt.Tooltip("counterparty:N", title="With"),
                alt.Tooltip("power_mw:Q", title="MW"),
                alt.Tooltip("value_usd:Q", title="USD", format="$.3s"),
            ],
        ),
        _row_chart_height(companies, 20),
    )


def parts(frame: pd.DataFrame, category: str, series: dict[str, str], title: str) -> Any:
    """Stacked parts of a change, with their names; positive to the right, negative to the left."""
    names = list(series.values())
    long = frame.rename(columns=series).melt(
        id_vars=[category], value_vars=names, var_name="part", value_name="value"
    )
    return _finish(
        alt.Chart(long)
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            y=alt.Y(f"{category}:N", title=None, sort=frame[category].tolist()),
            x=alt.X("value:Q", title=title, stack="zero", axis=alt.Axis(tickCount=5)),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=names, range=[BLUE, ORANGE, GREEN, PURPLE]),
                legend=alt.Legend(orient="top", title=None, columns=2),
            ),
            tooltip=[
                alt.Tooltip(f"{category}:N", title="Span"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("value:Q", title="Log change", format="+.3f"),
            ],
        ),
        _row_chart_height(len(frame), 48),
    )


def value_bars(frame: pd.DataFrame, series: dict[str, str], title: str, order: list[str]) -> Any:
    """Dollar values by firm, the published and the reader's own side by side."""
    chart = paired_bars(frame, "ticker", series, title, order)
    chart.encoding.x = alt.X("value:Q", title=title, axis=alt.Axis(labelExpr=DOLLARS, tickCount=5))
    chart.encoding.tooltip = [
        alt.Tooltip("ticker:N", title="Firm"),
        alt.Tooltip("series:N", title="Measure"),
        alt.Tooltip("value:Q", title="USD", format="$.4s"),
    ]
    return chart


def ranges(frame: pd.DataFrame, title: str) -> Any:
    """What each assumption does to the value: one point for each value that it takes."""
    order = (
        frame.groupby("assumption")["npv_per_mw_change_usd"]
        .agg(lambda changes: changes.max() - changes.min())
        .sort_values(ascending=False)
        .index.tolist()
    )
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "assumption:N",
            sort=order,
            title=None,
            axis=alt.Axis(labelLimit=170, labelOverlap=False),
        ),
        x=alt.X(
            "npv_per_mw_change_usd:Q", title=title, axis=alt.Axis(labelExpr=DOLLARS, tickCount=5)
        ),
    )
    line = base.mark_line(color=GREY, strokeWidth=2).encode(detail="assumption:N")
    points = base.mark_point(filled=True, size=80, color=BLUE, opacity=1).encode(
        tooltip=[
            alt.Tooltip("assumption:N", title="Assumption"),
            alt.Tooltip("value:Q", title="Takes"),
            alt.Tooltip("base_value:Q", title="Scenario"),
            alt.Tooltip("npv_per_mw_change_usd:Q", title="Change of value per MW", format="$.3s"),
        ]
    )
    return _finish(alt.layer(line, points), _row_chart_height(len(order), 26))
