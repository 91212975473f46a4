"""The operations of SageMaker: each takes a validated request and gives the answer's members."""
