"""Find the container images of Amazon in each region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from idc.errors import ConfigurationError

if TYPE_CHECKING:
    from idc.settings import Settings

# Amazon's deep learning containers; this account serves most commercial regions.
DEEP_LEARNING = "763104351884"
# The account of the built-in image classification in each region.
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
ACCOUNTS = {
    "af-south-1": "455444449433",
    "ap-east-1": "286214385809",
    "ap-northeast-1": "501404015308",
    "ap-northeast-2": "306986355934",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "991648021394",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "475088953585",
    "ap-southeast-2": "544295431143",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "469771592824",
    "ca-west-1": "190319476487",
    "cn-north-1": "390948362332",
    "cn-northwest-1": "387376663083",
    "eu-central-1": "813361260812",
    "eu-central-2": "680994064768",
    "eu-north-1": "669576153137",
    "eu-south-1": "257386234256",
    "eu-south-2": "104374241257",
    "eu-west-1": "685385470294",
    "eu-west-2": "644912444149",
    "eu-west-3": "749696950732",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "249704162688",
    "sa-east-1": "855470959533",
    "us-east-1": "811284229777",
    "us-east-2": "825641698319",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "226302683700",
    "us-west-1": "632365934929",
    "us-west-2": "433757028032",
}


@dataclass(frozen=True)
class Image:
    """A container image of Amazon's.

    `accounts` are the registries by region, empty for those of the deep learning containers. `variable` is
    the setting that names another image, without the prefix `HISTOFLOW_`; empty: it follows the repository.
    """

    repository: str
    tag: str
    variable: str = ""
    accounts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def setting(self) -> str:
        """The environment variable that replaces this image."""
        own = self.variable or f"{self.repository.replace('-', '_').upper()}_IMAGE"
        return f"HISTOFLOW_{own}"

    def uri(self, settings: Settings) -> str:
        """Return the image that the settings name, or Amazon's in their region.

        Raises:
            ConfigurationError: Amazon does not offer the image there.
        """
        return settings.images.get(self.setting) or self.amazons(settings.region)

    def amazons(self, region: str) -> str:
        """Return the URI of Amazon's image in a region.

        Raises:
            ConfigurationError: Amazon does not offer the image there.
        """
        if self.accounts and region not in self.accounts:
            action = f"Choose another HISTOFLOW_REGION, or set {self.setting}."
            raise ConfigurationError(
                "image", f"{self.repository} of {region}", "unknown", "a region that has it", action
            )
        account = self.accounts.get(region, DEEP_LEARNING)
        suffix = ".cn" if region.startswith("cn-") else ""
        return f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}/{self.repository}:{self.tag}"
