"""The model card, written from what happened."""

from __future__ import annotations

from pathlib import Path

_FIGURES = {
    "macro_f1": "macro-F1 of the four labels, issues pooled",
    "f_avg": "F_avg (mean F1 of favor and against), issues pooled",
    "issue_f_avg": "mean over issues of each issue's F_avg",
}


EXPORTS = {"int8": "int8 ONNX", "int4": "ONNX with int4 weights", "float32": "float32 ONNX", "none": "float32 PyTorch"}


def write_card(folder: Path, manifest: dict) -> None:
    """Write ``README.md`` into a model folder."""
    (folder / "README.md").write_text(card(manifest), encoding="utf-8")


def card(manifest: dict) -> str:
    """The card as Markdown."""
    training, validation = manifest["training"], manifest["validation"]
    recipe = training["recipe"]
    averaged = training.get("averaged", [])
    slimmed = training.get("exported_from")
    by = "slim" if slimmed else "soup" if averaged else "distil" if training.get("teacher") else "train"
    weights = f"weights averaged over {len(averaged)} runs" if averaged else f"seed {recipe['seed']}"
    lines = [
        f"# {manifest['name']}",
        "",
        f"{manifest['description']}. Written {manifest['created']} by `python -m training.{by}`; "
        f"stance {manifest['version']}, {weights}.",
        *([f"It classifies only: the weights to train on from are those of `{slimmed}`."] if slimmed else []),
        "",
        "## What it does",
        "",
        "Says whether the holder of a statement is in favor of a proposition, against it, neutral about it, "
        "or whether the statement is unrelated to it. It was trained on:",
        "",
        *(f"- `{name}`: {proposition}" for name, proposition in manifest["issues"].items()),
        "",
        "## How well",
        "",
        f"On `{validation['corpus']}`: {validation['statements']} statements, {validation['documents']} documents, "
        f"{weights}; {EXPORTS[validation['export']]}; "
        "95 % intervals from a bootstrap over documents. "
        "That corpus chose the recipe and fitted the calibration, so expect less on new text.",
        "",
        "| figure | value | interval |",
        "| --- | --- | --- |",
        *(
            f"| {text} | {validation['scores'][name]['value']:.3f} | "
            f"{validation['scores'][name]['low']:.3f} to {validation['scores'][name]['high']:.3f} |"
            for name, text in _FIGURES.items()
        ),
        f"| expected calibration error, cross-fitted | {validation['calibration_error_cross_fitted']:.3f} | |",
        f"| same label as the trained model | {validation['export_agreement']:.1%} | |",
        "",
        "## What it was trained on",
        "",
        *(f"- **{name}**: {text}" for name, text in recipe["sources"].items()),
        "",
        f"{training['statements']} statements:",
        "",
        "| issue | favor | against | neutral | unrelated |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {issue} | " + " | ".join(str(n) for n in counts.values()) + " |" for issue, counts in training["counts"].items()),
        "",
        *(
            [f"Also statements on {others} other propositions, so that it learns to read a proposition.", ""]
            if (others := training.get("other_propositions"))
            else []
        ),
        *(
            [
                f"A teacher ({teacher}) labelled {training['taught_statements']} unlabelled statements for it; what it said of "
                f"the labelled ones is {recipe['teacher_share']:.0%} of what was learnt from them.",
                "",
            ]
            if (teacher := training.get("teacher"))
            else []
        ),
        *(
            [
                f"Weights averaged over {len(averaged)} runs:",
                "",
                *(
                    f"- `{own['name']}`: {own['statements']} statements, {own['epochs']} epochs, learning rate "
                    f"{own['learning_rate']}, encoder dropout {own['dropout']}, seed {own['seed']}, from `{own['backbone']}`"
                    for own in averaged
                ),
                "",
            ]
            if averaged
            else []
        ),
        *([] if averaged else [_recipe(recipe)]),
        f"Every key of the recipe is in `manifest.json`. {training.get('minutes', 0)} minutes; "
        + ", ".join(f"{name} {number}" for name, number in training["versions"].items())
        + ".",
        "",
        "## Limits",
        "",
        "- English only; other languages come out as guesses.",
        "- It reads a sentence or short passage, not an article, and judges what is said, not who is known to think what.",
        "- Rare cells of the training data (above) are where it errs most.",
        _unseen(validation.get("unseen")),
        "",
    ]
    return "\n".join(lines)


def _unseen(measured: dict | None) -> str:
    if not measured:
        return "- On an issue it was not trained on it answers, but was not measured here, and is surer than it should be."
    files = ", ".join(f"`{file}`" for file in measured["corpora"])
    return (
        f"- On issues it was not trained on it is right far less often: it has {measured['right']:.0%} of {measured['labels']:,} "
        f"labels of {measured['statements']:,} statements on {measured['propositions']} such propositions ({files}). "
        "How sure it is of such issues was fitted on these."
    )


def _recipe(recipe: dict) -> str:
    return (
        f"Recipe: {recipe['epochs']} epochs, batches of {recipe['batch_size']}, learning rate {recipe['learning_rate']}, "
        f"backbone `{recipe['backbone']}`."
    )
