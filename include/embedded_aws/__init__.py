"""A local AWS that needs no Docker and no account: its SageMaker really runs jobs and endpoints.

Four supervised processes make it up: SeaweedFS (S3), moto (IAM, STS, CloudWatch Logs and the
rest), the edge (the wire protocol, SageMaker and SageMaker Runtime) and the controller, which
starts an agent for every job and every endpoint instance. All state lives in one home directory.
"""
