"""Where models come from: the bundled ones, torchvision's, files of weights, and networks of your own."""

from explainers.models.checkpoint_errors import MisfitError, RefusedError
from explainers.models.checkpoint_formats import Format
from explainers.models.checkpoint_inspection import CheckpointInfo, Entry, TensorInfo, inspect_checkpoint
from explainers.models.checkpoints import read_state_dict
from explainers.models.demo import demo_metadata
from explainers.models.download import DownloadError, DownloadProgress, fetch
from explainers.models.labels import Labels, read_labels
from explainers.models.load import KnownModel, list_models, load_model
from explainers.models.state_dict_fitting import fit_state_dict, load_into
from explainers.models.torchvision_zoo import classification_models, load_torchvision, weights_of
from explainers.models.wrapping import wrap

__all__ = [
    "CheckpointInfo",
    "DownloadError",
    "DownloadProgress",
    "Entry",
    "Format",
    "KnownModel",
    "Labels",
    "MisfitError",
    "RefusedError",
    "TensorInfo",
    "classification_models",
    "demo_metadata",
    "fetch",
    "fit_state_dict",
    "inspect_checkpoint",
    "list_models",
    "load_into",
    "load_model",
    "load_torchvision",
    "read_labels",
    "read_state_dict",
    "weights_of",
    "wrap",
]
