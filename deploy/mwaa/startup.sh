#!/bin/sh
# Runs as each component of an MWAA environment starts. Set the first two; every HISTOFLOW_ variable can stand here.
set -eu
export HISTOFLOW_BUCKET="${HISTOFLOW_BUCKET:-set-me}"
export HISTOFLOW_ROLE_ARN="${HISTOFLOW_ROLE_ARN:-set-me}"
export PYTHONPATH="/usr/local/airflow/plugins:${PYTHONPATH:-}"

# The SageMaker SDK 2 cannot live in Airflow's own environment; its requests are made in one beside it.
sdk=/usr/local/airflow/sagemaker-sdk
export HISTOFLOW_SAGEMAKER_SDK_PYTHON="$sdk/bin/python"
if [ "${MWAA_AIRFLOW_COMPONENT:-worker}" = worker ] && [ ! -x "$sdk/bin/python" ]; then
  python3 -m venv "$sdk"
  cat > "$sdk/requirements.txt" <<'LOCK'
@LOCK@
LOCK
  "$sdk/bin/python" -m pip install --quiet --require-hashes -r "$sdk/requirements.txt"
fi
