"""A picture of a training: how loss and quality went from epoch to epoch."""

from __future__ import annotations

SHOWN = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
    "accuracy": "accuracy",
}


def draw(path, epochs, best_epoch):
    """Write a PNG of the records of history.json; without matplotlib say so and write none."""
    try:
        from matplotlib.figure import Figure  # not in every container: a picture must not cost a model
    except ImportError:
        print(f"no matplotlib here: {path.name} is not drawn, history.json holds its figures", flush=True)
        return
    figure = Figure(figsize=(11, 4.2), constrained_layout=True)
    losses, qualities = figure.subplots(1, 2)
    numbers = [record["epoch"] for record in epochs]
    for part in ("train", "validation"):
        losses.plot(numbers, [record[part]["loss"] for record in epochs], marker=".", label=part)
    for name, label in SHOWN.items():
        qualities.plot(numbers, [record["validation"][name] for record in epochs], marker=".", label=label)
    losses.set_title("Loss")
    qualities.set_title("Quality on validation patients")
    for axes in (losses, qualities):
        axes.axvline(best_epoch, color="grey", linestyle=":", label=f"kept: epoch {best_epoch}")
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle("Research software, not a diagnostic device", fontsize=8, color="grey")
    draft = path.with_name(f".{path.name}")
    figure.savefig(draft, format="png", dpi=110)
    draft.replace(path)
