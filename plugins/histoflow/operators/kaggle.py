"""The operator that copies a Kaggle data set into a partition's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from histoflow.hooks.kaggle import KaggleHook


class KaggleDatasetToS3Operator(BaseOperator):
    """Streams a version of a data set into S3 as one object, its manifest last; a retry resumes.

    `dataset` is `kaggle://owner/name` or `kaggle://owner/name?version=4`. Without a version it takes the
    partition's own, else the newest. Returns the manifest's counts, and attaches them to the task's assets.
    """

    template_fields: Sequence[str] = ("dataset", "partition")

    def __init__(
        self, *, dataset: str, partition: str, kaggle_conn_id: str = "kaggle_default", **kwargs: Any
    ) -> None:
        """Copy `dataset` into the snapshot of `partition`."""
        super().__init__(**kwargs)
        self.dataset = dataset
        self.partition = partition
        self.kaggle_conn_id = kaggle_conn_id

    @cached_property
    def hook(self) -> KaggleHook:
        """The hook, created at the first use in a task."""
        from histoflow.hooks.kaggle import KaggleHook

        return KaggleHook(self.kaggle_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Ingest the data set."""
        from histoflow import handover, runs
        from idc.ingest import stage

        store = runs.store()
        # For `idc_convert`, which this run starts.
        split = stage.keep_split(store, (context.get("params") or {}).get("split"))
        facts = stage.run(store, partition=self.partition, archive=self.dataset, kaggle=self.hook)
        for asset in self.outlets:
            handover.announce(context, store, asset, {**facts, "split": split})
        return facts
