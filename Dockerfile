# The images of docker-compose.yaml, one target each: airflow, embedded-aws, api.
# Environments are built from the hashed locks, as on any other machine.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates curl libgomp1 libquadmath0 python3 python3-venv \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 50000 --create-home --home-dir /home/histoflow histoflow \
  && install -d -o histoflow -g 0 /opt/histoflow /var/lib/histoflow /var/lib/embedded-aws
ENV HISTOFLOW_ENVS=/opt/histoflow/envs \
    HISTOFLOW_HOME=/var/lib/histoflow \
    PYTHONUNBUFFERED=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
WORKDIR /opt/histoflow
COPY requirements/ requirements/
COPY include/stack/ include/stack/
RUN python3 -m venv ${HISTOFLOW_ENVS}/bootstrap \
  && ${HISTOFLOW_ENVS}/bootstrap/bin/pip install --no-cache-dir --quiet --require-hashes -r requirements/bootstrap.txt

FROM base AS airflow
RUN PYTHONPATH=include ${HISTOFLOW_ENVS}/bootstrap/bin/python -m stack.environments airflow-cluster sagemaker-sdk
COPY include/ include/
COPY plugins/ plugins/
COPY dags/ dags/
COPY training_scripts/ training_scripts/
RUN install -d -o histoflow -g 0 /opt/airflow /opt/airflow/logs
ENV PATH=/opt/histoflow/envs/airflow-cluster/bin:${PATH} \
    PYTHONPATH=/opt/histoflow/include:/opt/histoflow/plugins \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/histoflow/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/histoflow/plugins
USER histoflow
EXPOSE 8080
ENTRYPOINT ["airflow"]

FROM base AS embedded-aws
RUN PYTHONPATH=include ${HISTOFLOW_ENVS}/bootstrap/bin/python -m stack.environments embedded-aws mxnet tensorflow
COPY include/embedded_aws/ include/embedded_aws/
COPY deploy/docker/runtimes.toml ./
ENV PATH=/opt/histoflow/envs/embedded-aws/bin:${PATH} \
    PYTHONPATH=/opt/histoflow/include \
    EMBEDDED_AWS_HOME=/var/lib/embedded-aws
USER histoflow
EXPOSE 4566 8333
ENTRYPOINT ["python", "-m", "embedded_aws"]
CMD ["run", "--listen", "0.0.0.0", "--runtimes", "/opt/histoflow/runtimes.toml"]

FROM base AS api
RUN PYTHONPATH=include ${HISTOFLOW_ENVS}/bootstrap/bin/python -m stack.environments serving
COPY include/idc/ include/idc/
ENV PATH=/opt/histoflow/envs/serving/bin:${PATH} \
    PYTHONPATH=/opt/histoflow/include
USER histoflow
EXPOSE 8088
ENTRYPOINT ["python", "-m", "idc.serving"]
