#!/bin/sh
# Runs when a component of an MWAA environment starts. Set the first two variables; add any other HISTOFLOW_ variable.
set -eu
export HISTOFLOW_BUCKET="${HISTOFLOW_BUCKET:-set-me}"
export HISTOFLOW_ROLE_ARN="${HISTOFLOW_ROLE_ARN:-set-me}"
export PYTHONPATH="/usr/local/airflow/plugins:${PYTHONPATH:-}"

# The SageMaker SDK 2 cannot be installed beside Airflow, so it makes its requests in an environment of its own.
sdk=/usr/local/airflow/sagemaker-sdk
export HISTOFLOW_SAGEMAKER_SDK_PYTHON="$sdk/bin/python"
if [ "${MWAA_AIRFLOW_COMPONENT:-worker}" = worker ] && [ ! -x "$sdk/bin/python" ]; then
  python3 -m venv "$sdk"
  cat > "$sdk/requirements.txt" <<'LOCK'
@LOCK@
LOCK
  "$sdk/bin/python" -m pip install --quiet --require-hashes -r "$sdk/requirements.txt"
fi
