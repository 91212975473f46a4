"""SageMaker SDK 2: a script processor and a plain processor, each to its end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.s3 import S3Downloader
from sdk2_session import IMAGE, ROLE, numbers, report, session

SCRIPT = """
import pathlib, sys
numbers = [float(n) for n in pathlib.Path("/opt/ml/processing/input/numbers.csv").read_text().split()]
pathlib.Path("/opt/ml/processing/output/sum.txt").write_text(str(sum(numbers) * float(sys.argv[1])))
print("the last line of the processing")
"""

sagemaker_session = session()
script = Path(tempfile.mkdtemp()) / "add.py"
script.write_text(SCRIPT)
settings = {
    "role": ROLE,
    "image_uri": IMAGE,
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "sagemaker_session": sagemaker_session,
}
processor = ScriptProcessor(command=["python3"], **settings)
processor.run(
    code=str(script),
    inputs=[ProcessingInput(source=numbers("sdk2/processing"), destination="/opt/ml/processing/input")],
    outputs=[ProcessingOutput(source="/opt/ml/processing/output", output_name="sum")],
    arguments=["2"],
)
[output] = processor.latest_job.outputs
total = S3Downloader.read_file(f"{output.destination}/sum.txt", sagemaker_session)

plain = Processor(entrypoint=["python3", "-c", "print('nothing to do')"], **settings)
plain.run(logs=False)

report(total=total, status=plain.latest_job.describe()["ProcessingJobStatus"])
