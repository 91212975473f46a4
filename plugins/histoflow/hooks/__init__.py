"""The only modules of the DAGs and plugins that touch boto3."""
