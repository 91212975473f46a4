"""A DAG for tests: the operator of `idc_deploy` that asks, and what comes after it."""

from airflow.sdk import Param, dag, task

from histoflow import forms
from histoflow.defaults import DEFAULT_ARGS
from histoflow.operators.approval import ModelApprovalOperator


@dag(schedule=None, default_args=DEFAULT_ARGS, params={"package": Param(type="string"), **forms.deployment()})
def approval():
    @task
    def deploy():
        return "deployed"

    @task(trigger_rule="none_failed")
    def conclude(answered):
        from histoflow import runs

        return {"answered": answered, **runs.value_of("approve", "answer")}

    deployed = deploy()
    (
        ModelApprovalOperator(
            task_id="approve", package="{{ params.package }}", subject="Serve it?", body="**figures**"
        )
        >> deployed
    )
    conclude(deployed)


approval()
