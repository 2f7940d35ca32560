"""Plots of a measurement: reliability, confusion, and risk against coverage."""

from __future__ import annotations

from pathlib import Path

from ..errors import MissingExtraError
from ..result import LABELS
from .report import Report

_BLUE, _GREY = "#1f5fa8", "#8a8a8a"


def figure_class() -> type:
    """matplotlib's figure, drawn without a screen.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing plots", "evaluate") from None
    return Figure


def write_plots(report: Report, folder: Path) -> list[Path]:
    """Write ``reliability.png``, ``confusion.png`` and ``coverage.png`` into a folder; returns their paths.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    new_figure = figure_class()
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, draw, size in (
        ("reliability", _reliability, (5.2, 5.0)),
        ("confusion", _confusion, (3.3 * min(len(report.labels), 4) + 0.6, 3.7 * -(-len(report.labels) // 4))),
        ("coverage", _coverage, (5.6, 4.2)),
    ):
        figure = new_figure(figsize=size, layout="constrained")
        draw(report, figure)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=150)
        made.append(path)
    return made


def _reliability(report: Report, figure) -> None:
    axes = figure.subplots()
    bins = report.reliability.bins
    lowest = min(min(b.confidence for b in bins), min(b.accuracy for b in bins))
    low = max(0.0, lowest - 0.05)
    axes.plot([low, 1], [low, 1], color=_GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], "o-", color=_BLUE, label=report.model)
    error = report.reliability.error
    axes.set(
        xlim=(low, 1.01),
        ylim=(low, 1.01),
        aspect="equal",
        xlabel="probability given",
        ylabel="share right",
        title=f"Reliability on {report.corpus}\ncalibration error {error.value:.3f} ({error.low:.3f} to {error.high:.3f})",
    )
    axes.legend(loc="upper left", frameon=False)


def _confusion(report: Report, figure) -> None:
    across = min(len(report.labels), 4)
    grid = figure.subplots(-(-len(report.labels) // across), across, squeeze=False).ravel()
    for axes in grid[len(report.labels) :]:
        axes.set_axis_off()
    for axes, issue, counts in zip(grid, report.labels, report.confusion, strict=False):
        shares = counts / counts.sum(1, keepdims=True).clip(min=1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row in range(len(LABELS)):
            for column in range(len(LABELS)):
                dark = shares[row, column] > 0.5
                text = f"{counts[row, column]:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=9, color="white" if dark else "black")
        axes.set_xticks(range(len(LABELS)), LABELS, rotation=45, ha="right", fontsize=8)
        axes.set_yticks(range(len(LABELS)), LABELS, fontsize=8)
        axes.set_title(issue, fontsize=10)
    figure.supxlabel("predicted", fontsize=9)
    figure.supylabel("given", fontsize=9)
    figure.suptitle(f"{report.model} on {report.corpus}: statements by label (shade: share of the row)", fontsize=10)


def _coverage(report: Report, figure) -> None:
    axes = figure.subplots()
    points = report.reliability.coverage
    x = [100 * p.coverage for p in points]
    axes.fill_between(x, [100 * p.risk.low for p in points], [100 * p.risk.high for p in points], color=_BLUE, alpha=0.2, lw=0)
    axes.plot(x, [100 * p.risk.value for p in points], "o-", color=_BLUE)
    for point in points:
        place = (100 * point.coverage, 100 * point.risk.value)
        axes.annotate(f"{point.threshold:.2f}", place, textcoords="offset points", xytext=(-4, 7), fontsize=8, ha="right")
    axes.set(
        xlabel="decisions answered, % (labels: the abstain_below that gives it)",
        ylabel="wrong among them, %",
        title=f"{report.model} on {report.corpus}: what abstaining buys",
        xlim=(45, 102),
        ylim=(0, None),
    )
