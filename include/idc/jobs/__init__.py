"""The requests the pipeline sends to SageMaker, built and named before any client is involved."""
