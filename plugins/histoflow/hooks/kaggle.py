"""Kaggle's data sets by Kaggle's own client, with the credentials of an Airflow connection and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import requests
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from kagglesdk.datasets.services.dataset_api_service import DatasetApiClient
from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest, ApiGetDatasetRequest
from kagglesdk.kaggle_http_client import KaggleHttpClient

from idc.errors import ConfigurationError, HistoflowError, MissingObject, RequestRejected
from idc.ingest.http_responses import Explain, answered, guard

_SITE = "https://www.kaggle.com"
_ASKED_ABOUT = "paultimothymooney/breast-histopathology-images"


class KaggleHook(BaseHook):
    """Finds and fetches data sets; the connection holds a token, or a user name and the key of that user."""

    conn_name_attr = "kaggle_conn_id"
    default_conn_name = "kaggle_default"
    conn_type = "kaggle"
    hook_name = "Kaggle"

    def __init__(self, kaggle_conn_id: str = default_conn_name) -> None:
        """Use the connection `kaggle_conn_id`."""
        super().__init__()
        self.kaggle_conn_id = kaggle_conn_id

    @classmethod
    def is_configured(cls, kaggle_conn_id: str = default_conn_name) -> bool:
        """Return whether there is such a connection."""
        try:
            Connection.get(kaggle_conn_id)
        except AirflowNotFoundException:
            return False
        return True

    def get_conn(self) -> KaggleHttpClient:
        """Return Kaggle's HTTP client.

        Raises:
            ConfigurationError: there is no connection, or nothing secret in it.
        """
        return self._client({})

    def current_version(self, dataset: str) -> int:
        """Return the newest version of `owner/name`.

        Raises:
            ConfigurationError, RequestRejected, MissingObject: as Kaggle refuses.
            ServiceError: Kaggle did not answer, or was busy for too long.
        """
        request = ApiGetDatasetRequest()
        request.owner_slug, request.dataset_slug = dataset.split("/")
        api = DatasetApiClient(self.get_conn())
        found = answered(lambda: api.get_dataset(request), dataset, self._explain(dataset))
        return int(found.current_version_number)

    def fetch(self, dataset: str, version: int, headers: Mapping[str, str]) -> requests.Response:
        """Return the answer of the storage that Kaggle redirects to, asked with these headers.

        Raises:
            ConfigurationError, RequestRejected, MissingObject: as Kaggle refuses.
            ServiceError: Kaggle did not answer, or was busy for too long.
        """
        request = ApiDownloadDatasetRequest()
        request.owner_slug, request.dataset_slug = dataset.split("/")
        request.dataset_version_number = version
        api = DatasetApiClient(self._client({"Accept-Encoding": "identity", **headers}))
        which = f"{dataset} version {version}"
        answer: requests.Response = answered(
            lambda: api.download_dataset(request), which, self._explain(dataset)
        )
        return answer

    def test_connection(self) -> tuple[bool, str]:
        """Ask Kaggle something with these credentials, for the button in Airflow's form."""
        try:
            self.current_version(_ASKED_ABOUT)
        except HistoflowError as error:
            return False, str(error)
        return True, "Kaggle answers."

    def _client(self, headers: Mapping[str, str]) -> _Client:
        try:
            found = self.get_connection(self.kaggle_conn_id)
        except AirflowNotFoundException as error:
            action = "Add it in Airflow, or set AIRFLOW_CONN_KAGGLE_DEFAULT."
            raise self._wrong("there is none", action) from error
        if not found.password:
            raise self._wrong("it holds no token", f"Make one at {_SITE}/settings and put it there.")
        return _Client(found.login or None, found.password, headers)

    def _explain(self, dataset: str) -> Explain:
        def explain(status: int, message: str) -> HistoflowError:
            observed, page = f"Kaggle answered {status} {message}".strip(), f"{_SITE}/datasets/{dataset}"
            if status == 401:
                action = f"Make a new token at {_SITE}/settings and put it into the connection."
                return self._wrong(observed, action)
            if status == 403:
                action = (
                    f"Sign in with the connection's account, accept the rules at {page}, then clear the task."
                )
                return RequestRejected("data set", dataset, observed, "leave to fetch it", action)
            if status == 404:
                action = f"Check owner, name and version at {page}."
                return MissingObject("data set", dataset, observed, "a data set", action)
            return RequestRejected("data set", dataset, observed, "an archive", f"Look at {page}.")

        return explain

    def _wrong(self, observed: str, action: str) -> ConfigurationError:
        return ConfigurationError("connection", self.kaggle_conn_id, observed, "a token Kaggle knows", action)


class _Client(KaggleHttpClient):  # type: ignore[misc]
    """Kaggle's client with one connection's credentials, and headers that go along to the storage."""

    def __init__(self, login: str | None, secret: str, headers: Mapping[str, str]) -> None:
        super().__init__()
        self._login, self._secret, self._own_headers = login, secret, headers

    def _init_session(self) -> None:
        if self._session is None:
            super()._init_session()
            session = cast("requests.Session", self._session)
            session.headers.update(self._own_headers)
            guard(session, self._endpoint)

    def _try_fill_auth(self) -> None:
        """Use the connection: Kaggle's own way prefers a token found in the worker's home or environment."""
        is_pair = self._login is not None
        self._session.auth = (self._login, self._secret) if is_pair else self.BearerAuth(self._secret)
        self._signed_in = True
