from __future__ import annotations

import os
import tempfile

# Airflow reads this when it is first imported, and writes there.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="histoflow-airflow-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
