"""All other AWS services (IAM, STS, CloudWatch, SNS …): a moto server.

In: requests that the edge passes on. Out: moto's answers; roles, logs and metrics are put back after a
restart, because moto keeps its state in memory. Read `moto_server.py`.
"""
