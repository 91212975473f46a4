"""A local AWS that needs no Docker and no account: its SageMaker really runs jobs and endpoints.

Five supervised processes: SeaweedFS (S3) and the proxy before it, moto (IAM, STS, CloudWatch and the
rest), the edge (the HTTP port, SageMaker and SageMaker Runtime) and the controller, which starts an
agent for every job and a host for every endpoint instance. One home directory holds all state.

In: signed AWS requests. Out: what AWS answers, with real jobs, models and endpoints behind it.
Begin with `edge/operations.py` (the table of operations) and `training/` (one kind of job, whole).
"""
