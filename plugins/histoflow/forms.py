"""The fields of the trigger forms; one left empty takes its value from the settings."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from idc.variants.all import VARIANTS

ALL = "all"
# A variant that takes another's tuning is not tuned itself.
TUNED_FOR_ALL = tuple(name for name, one in VARIANTS.items() if not one.tuned_like)

_SPLIT = (
    "A CSV with the columns `patient` and `split` (`train`, `validation`, `test`) that names every patient "
    "of the archive: a path on the worker, `s3://bucket/key` or `https://…`."
)


def share(split: str) -> Param:
    """Return the field for one split's share."""
    return Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        exclusiveMaximum=1,
        title=f"Share for {split}",
        description=f"The share of patients for {split}. The three add up to 1. Empty: the setting.",
    )


def split(then: str) -> Param:
    """Return the field for a given split; `then` says what an empty one means."""
    return Param(None, type=["null", "string"], title="Given split", description=f"{_SPLIT} Empty: {then}.")


def then() -> Param:
    """Return the field for what the runs that this one leads to are to be given."""
    return Param(
        None,
        type=["null", "object"],
        additionalProperties={"type": "object"},
        title="For the DAGs after this one",
        description="Values for the forms of `idc_convert` and `idc_train`, by DAG, as in "
        '`{"idc_train": {"variants": ["mxnet"], "epochs": 4}, "idc_convert": {"rebuild": true}}`. '
        "They hold for the runs that this one leads to. Empty: none.",
    )


def rebuild(what: str) -> Param:
    """Return the field that asks for work to be done again; `what` says which."""
    return Param(False, type="boolean", title="Rebuild", description=what)


def conversion() -> dict[str, Param]:
    """Return the form of `idc_convert`."""
    return {
        "seed": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            maximum=2**31 - 1,
            title="Seed",
            description="Decides the split and the order of the patches. Empty: the setting.",
        ),
        "train_share": share("train"),
        "validation_share": share("validation"),
        "test_share": share("test"),
        "split": split(
            "the one `idc_ingest` was given, else the setting `HISTOFLOW_SPLIT`, else seed and shares"
        ),
        "formats": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": ["image", "augmented"]},
            examples=["image", "augmented"],
            title="Raw images as well",
            description="Beside RecordIO and TFRecord: `image`, image files with a `.lst`; `augmented`, "
            "image files with an augmented manifest. One small object per patch. Empty: the setting.",
        ),
        "edge_patches": Param(
            None,
            type=["null", "string"],
            enum=[None, "pad", "exclude"],
            title="Edge patches",
            description="Patches smaller than 50×50, from the edge of a slide: `pad` them with white, or "
            "`exclude` them. They are counted either way. Empty: the setting.",
        ),
        "instances": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=32,
            title="Instances",
            description="How many instances share the work; the dataset is the same for any number. "
            "Empty: the setting.",
        ),
        "rebuild": rebuild("Write every file of the dataset these parameters name again, if it exists."),
    }


SETTING, TUNED = "the setting", "what was tuned, else the setting"


def field(kind: str, title: str, description: str, empty: str = SETTING, **schema: Any) -> Param:
    """Return a field for a value of the JSON type `kind`, or for none; `empty` says what that means."""
    described = f"{description} Empty: {empty}."
    return Param(None, type=["null", kind], title=title, description=described, **schema)


def _hyperparameters() -> dict[str, Param]:
    """Return the fields of all variants, each once."""
    declared = {one.name: one for variant in VARIANTS.values() for one in variant.fields}
    return {
        name: field(one.kind, one.title, one.description, TUNED if one.is_tuned else SETTING, **one.schema)
        for name, one in declared.items()
    }


def training() -> dict[str, Param]:
    """Return the form of `idc_train`."""
    return {
        "variants": Param(
            list(VARIANTS),
            type="array",
            title="Variants",
            description="Which candidates to train.",
            items={"type": "string", "enum": list(VARIANTS)},
            examples=list(VARIANTS),
            minItems=1,
            uniqueItems=True,
        ),
        **_hyperparameters(),
        "rebuild": rebuild("Train once more, even where the same training job has completed before."),
    }


def deployment() -> dict[str, Param]:
    """Return the form of `idc_deploy`."""
    return {
        "approval": field(
            "string",
            "Approval",
            "Whether a person is asked before a model is served; no answer in time means no.",
            enum=[None, "automatic", "human"],
        ),
        "approval_timeout_s": field(
            "integer", "Answer within", "Seconds a person has to answer.", minimum=1, maximum=2592000
        ),
    }


def rollback() -> dict[str, Param]:
    """Return the form of `idc_rollback`."""
    return {
        "version": field(
            "integer",
            "Version",
            "The version of the model registry to go back to.",
            "the approved one that was served before",
            minimum=1,
        ),
        "reason": Param(
            "Rolled back by hand.",
            type="string",
            minLength=1,
            maxLength=500,
            title="Reason",
            description="Why: the registry rejects the version that is served now with these words.",
        ),
    }


def monitoring() -> dict[str, Param]:
    """Return the form of `idc_monitor`."""
    return {
        "action": field(
            "string",
            "What follows",
            "Where training again is advised: `notify` tells people, `train` trains the newest partition.",
            enum=[None, "notify", "train"],
        ),
        "days": field("integer", "Days", "Of answers that are looked at.", minimum=1, maximum=90),
        "feedback_days": field(
            "integer",
            "Days of feedback",
            "Of answers whose true labels are looked at.",
            minimum=1,
            maximum=90,
        ),
        "min_patches": field(
            "integer", "Least patches", "Captured patches from which drift is told.", minimum=1
        ),
        "min_labels": field(
            "integer", "Least labels", "True labels from which the model is measured.", minimum=2
        ),
        "drift": field(
            "number",
            "Drift",
            "The population stability index from which on patches have drifted.",
            exclusiveMinimum=0,
        ),
        "drop": field(
            "number",
            "Drop",
            "How much less than on the test patients balanced accuracy or sensitivity on labels may be.",
            exclusiveMinimum=0,
            exclusiveMaximum=1,
        ),
    }


def _tuned_alike() -> str:
    return " ".join(
        f"`{name}` then trains with the hyperparameters of `{one.tuned_like}`."
        for name, one in VARIANTS.items()
        if one.tuned_like
    )


def tuning() -> dict[str, Param]:
    """Return the form of `idc_tune`."""
    return {
        "variant": Param(
            TUNED_FOR_ALL[0],
            type="string",
            enum=[*VARIANTS, ALL],
            title="Variant",
            description=f"What to tune. `{ALL}`: {', '.join(TUNED_FOR_ALL)}, a search each. {_tuned_alike()}",
        ),
        "ranges": Param(
            None,
            type=["null", "object"],
            title="Ranges",
            description="Hyperparameters to search, by name: a list of choices, or bounds such as "
            '`{"learning_rate": {"min": 0.001, "max": 0.1}}`, with `"scale"` `Linear`, `Logarithmic` or '
            "`ReverseLogarithmic`. The others keep their defaults. Empty: all that are tunable.",
        ),
        "strategy": Param(
            "Bayesian",
            type="string",
            enum=["Bayesian", "Random", "Hyperband", "Grid"],
            title="Strategy",
            description="How the next values are chosen; `Grid` takes lists of choices only.",
        ),
        "jobs": Param(
            12,
            type="integer",
            minimum=1,
            maximum=750,
            title="Jobs",
            description="Training jobs in all; at least the combinations of a `Grid`.",
        ),
        "parallel": Param(
            2,
            type="integer",
            minimum=1,
            maximum=100,
            title="In parallel",
            description="Training jobs at a time; with fewer, each learns from more.",
        ),
        "early_stopping": Param(
            True,
            type="boolean",
            title="Stop early",
            description="Stop a job whose objective falls behind the median of the others.",
        ),
        "warm_start": Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            maxItems=5,
            title="Warm start from",
            description="Names of earlier tuning jobs of this variant to learn from. Empty: none.",
        ),
        "epochs": field("integer", "Epochs", "Of each training job.", minimum=1, maximum=1000),
        "seed": field("integer", "Seed", "Decides the values tried first.", minimum=0, maximum=2**31 - 1),
        "revert": Param(
            False,
            type="boolean",
            title="Revert",
            description="Tune nothing: give the variant the default hyperparameters back it had before.",
        ),
    }
