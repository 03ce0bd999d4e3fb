"""A SageMaker endpoint on loopback that really runs each Processing job as local processes.

It speaks AWS JSON 1.1, so any boto3 or aiobotocore client reaches it through `AWS_ENDPOINT_URL_SAGEMAKER`, and serves
the job logs as CloudWatch Logs through `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`. Requests are checked against botocore's own
service models. Start it with `python -m pressrun.local.sagemaker`; in a test, `SageMakerEndpoint(config).start()`.
"""

from pressrun.local.sagemaker.config import EndpointConfig, Image, ImageRegistry
from pressrun.local.sagemaker.server import SageMakerEndpoint

__all__ = ["EndpointConfig", "Image", "ImageRegistry", "SageMakerEndpoint"]
