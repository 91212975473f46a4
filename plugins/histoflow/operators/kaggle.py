"""The operator that brings a data set of Kaggle into a partition's snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from histoflow.hooks.kaggle import KaggleHook


class KaggleDatasetToS3Operator(BaseOperator):
    """Streams a version of a data set into S3 as one object, its manifest last; a retry goes on midway.

    `dataset` is `kaggle://owner/name`, or with `?version=4`; without a version the partition's own is taken,
    or the newest. Returns what the manifest counts, and attaches it to the assets the task updates.
    """

    template_fields: Sequence[str] = ("dataset", "partition")

    def __init__(
        self, *, dataset: str, partition: str, kaggle_conn_id: str = "kaggle_default", **kwargs: Any
    ) -> None:
        """Bring `dataset` into the snapshot of `partition`."""
        super().__init__(**kwargs)
        self.dataset = dataset
        self.partition = partition
        self.kaggle_conn_id = kaggle_conn_id

    @cached_property
    def hook(self) -> KaggleHook:
        """The hook, made when the task runs and not when the DAG is read."""
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
