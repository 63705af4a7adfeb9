"""The sidebar: one model, one input and one target for every page, kept in the URL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st
from PIL import Image

import explainers as ex
from explainers.inputs.images import BYTES_LIMIT
from pages.common.app.caches import model_cache, result_cache
from pages.common.app.errors import complain, sentences
from pages.common.app.follow_default import follow_default
from pages.common.app.images import batched, show_picture, thumbnail
from pages.common.app.navigation import come_in_by_the_door
from pages.common.app.progress import progress_bar
from pages.common.sidebar.target_picker import target_form
from pages.common.sidebar.uploads import Upload, gone, offered, remember

CHECKPOINTS = ["safetensors", "pt", "pth", "ckpt", "th", "bin"]


PICTURES = ["png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp"]


LARGEST = BYTES_LIMIT // 1_000_000  # MB


@dataclass(frozen=True)
class Selection:
    """What every page looks at.

    Attributes:
        model_code: the Python call that loads the model again.
        image_code: the Python call that reads the picture again.
        target_code: the target as Python, "" for the top class.
        key: identifies model weights, input and target, for caches.
    """

    model: ex.Model
    image: Image.Image
    target: ex.Target | None
    model_code: str
    image_code: str
    target_code: str
    key: tuple[str, str, str]

    def regions(self) -> dict[str, Image.Image]:
        """The parts of a drawn scene by name, white where they are; none of other pictures."""
        if not self.key[1].startswith("scene:"):
            return {}
        drawn: dict[str, Image.Image] = result_cache().get(("regions", self.key[1]), ex.sample(self.key[1]).regions)
        return drawn

    def enlarged(self, width: int) -> Image.Image:
        """The picture as the model sees it, enlarged to `width` px."""
        assert self.model.preprocess is not None
        view = self.model.preprocess.view(self.image).convert("RGB")
        return view.resize((width, round(width * view.height / view.width)), Image.Resampling.LANCZOS)


def sidebar() -> None:
    """Draw the sidebar's controls, once per run, before the page."""
    with st.sidebar:
        with sentences() as said:
            model, code = _model()
            st.session_state["_model"] = (model, code)
            if model.takes_images:
                image, image_key, image_code = _image()
                target, target_code = target_form(model, predicted(model, image, image_key))
                st.session_state["_selection"] = Selection(
                    model, image, target, code, image_code, target_code, (model.fingerprint, image_key, target_code)
                )
        st.session_state["_sidebar_said"] = said
        st.caption(f":material/memory: {ex.engine_for().describe()}")


def selected_model() -> tuple[ex.Model, str]:
    """The model chosen in the sidebar and the code that loads it; stops the page where loading failed."""
    come_in_by_the_door()
    if "_model" not in st.session_state:
        _repeat_the_sidebar()
    chosen: tuple[ex.Model, str] = st.session_state["_model"]
    badge(chosen[0])
    return chosen


def selection() -> Selection:
    """What the sidebar chose; stops the page where there is no picture to look at."""
    come_in_by_the_door()
    model, code = st.session_state.get("_model", (None, ""))
    if model is not None and not model.takes_images:
        st.info(
            f"{model.name} takes {model.input_shape[0]} numbers, not a picture. Its weights are on the page Weight "
            "statistics; from Python, pass a tensor to ex.explain."
        )
        numbers = f"torch.zeros(1, {model.input_shape[0]})"
        call = f'a = ex.explain(model, {numbers}, method="integrated-gradients")'
        st.code(f"import torch\n\nimport explainers as ex\n\n{code}\n{call}", language="python")
        st.stop()
    if "_selection" not in st.session_state:
        _repeat_the_sidebar()
    chosen: Selection = st.session_state["_selection"]
    badge(chosen.model)
    return chosen


def _repeat_the_sidebar() -> None:
    """Say in the page what the sidebar said instead of a choice, for a narrow screen hides the sidebar; stops the page."""
    for sentence in st.session_state["_sidebar_said"]:
        complain(sentence)
    st.stop()


def badge(model: ex.Model) -> None:
    """Say on every page if the weights are random."""
    if model.untrained:
        st.warning(
            f"{model.name} is untrained: its weights are random, so its answers and maps mean nothing.",
            icon=":material/casino:",
        )


def _model() -> tuple[ex.Model, str]:
    st.session_state.pop("_model", None)
    st.session_state.pop("_selection", None)
    known = {model.spec: model for model in ex.list_models()}
    spec = st.selectbox(
        "Model",
        list(known),
        key="model",
        bind="query-params",
        help="Bundled models start with demo:, torchvision's with torchvision:.",
    )
    if known[spec].kind == "demo":
        return _load(spec, None)
    choices = [*known[spec].weights, "random", *offered("weights", {spec}), *gone("weights", spec)]
    weights = st.selectbox(
        "Weights",
        choices,
        key=follow_default("weights", choices[0]),
        bind="query-params",
        help="Trained weights are downloaded once and kept in TORCH_HOME; random ones show the untrained network.",
    )
    with st.popover("Weights from a file", icon=":material/upload_file:", width="stretch"):
        st.file_uploader(
            f"A checkpoint of {spec.removeprefix('torchvision:')}",
            CHECKPOINTS,
            key="_weights_file",
            on_change=keep_upload,
            args=("_weights_file", "weights", spec),
            help="Read without executing anything in it.",
        )
    upload = Upload.read(weights)
    return _load(spec, upload) if upload else _load(f"{spec}@{weights}", None)


def _load(spec: str, upload: Upload | None) -> tuple[ex.Model, str]:
    with progress_bar(f"Loading {spec}") as bar:

        def fetched(received: int, size: int | None) -> None:
            megabytes = f"{received / 1e6:.0f} MB of {(size or 0) / 1e6:.0f} MB"
            bar(received / size if size else 0.0, f"Downloading {spec}: {megabytes}")

        if upload:
            model = upload.model(fetched)
        else:
            model = model_cache().get((spec, None), lambda: ex.load_model(spec, progress=fetched))
    if model.note:
        st.caption(model.note)
    return model, f"model = {upload.code}" if upload else f'model = ex.load_model("{spec}")'


def _image() -> tuple[Image.Image, str, str]:
    known = {sample.id: sample.title for sample in ex.samples()}
    held = st.session_state.get("input") or st.query_params.get("input") or ""
    unlisted = [held] if held.startswith(("scene:", "photo:")) and held not in known else []
    chosen = st.selectbox(
        "Picture",
        [*known, *unlisted, *offered("input", {""}), *gone("input")],
        key="input",
        bind="query-params",
        on_change=_forget_refusal,
        help="Drawn road scenes with known truth, real photographs, or your own.",
    )
    with st.popover(
        "Gallery", icon=":material/photo_library:", width="stretch", on_change="rerun", key="_gallery"
    ) as box:
        if box.open:
            _gallery()
    upload, camera = st.columns(2)
    with upload.popover("Upload", icon=":material/upload:", width="stretch"):
        st.file_uploader(
            "Your picture", PICTURES, key="_picture_file", on_change=keep_upload, args=("_picture_file", "input"),
            max_upload_size=LARGEST,
        )  # fmt: skip
    with camera.popover(
        "Camera", icon=":material/photo_camera:", width="stretch", on_change="rerun", key="_camera_open"
    ) as box:
        if box.open:  # asks for the camera only when wanted
            st.camera_input(
                "A picture from the camera", key="_camera", on_change=keep_upload, args=("_camera", "input")
            )
    if refused := st.session_state.get("_refused"):
        st.error(refused, icon=":material/broken_image:")
    image, key, code = _open(chosen)
    upload = Upload.read(chosen)
    name = upload.name if upload else known.get(chosen, chosen)
    plain = name.replace("_", r"\_")  # else the underlines of a file's name would be markup
    st.caption(f"{plain} · {image.width} × {image.height} px")
    return image, key, code


def _gallery() -> None:
    """The samples as pictures to choose from."""
    for row in batched(ex.samples(), 4):
        for column, sample in zip(st.columns(4), row, strict=False):
            small = result_cache().get(("thumbnail", sample.id), lambda s=sample: thumbnail(s.load()))
            with column:
                show_picture(small, alt=sample.title)
                st.button(sample.title, key=f"_take_{sample.id}", width="stretch", on_click=_take, args=(sample.id,))


def _take(sample: str) -> None:
    _forget_refusal()
    st.session_state["input"] = sample


def _forget_refusal() -> None:
    """What was said of a bad upload ends with the next choice."""
    st.session_state.pop("_refused", None)


def _open(chosen: str) -> tuple[Image.Image, str, str]:
    """The picture, a key of its content, and the code that reads it."""
    upload = Upload.read(chosen)
    if upload:
        return upload.picture(), upload.key, f"image = {upload.code}"
    image = result_cache().get(("sample", chosen), lambda: ex.sample(chosen).load())
    return image, chosen, f'image = ex.sample("{chosen}").load()'


def keep_upload(widget: str, choice: str, spec: str = "") -> None:
    """Callback of an uploader: keep the file, then choose it; a picture that cannot be read is refused at once.

    Args:
        spec: the architecture that the file is a checkpoint of, "" for a picture.
    """
    _forget_refusal()
    file = st.session_state.get(widget)
    if file is None:
        return
    content = file.getvalue()
    if choice == "input":
        try:
            ex.read_image(content)
        except ex.VitrineError as error:
            st.session_state["_refused"] = f"{file.name}: {error}"
            return
    upload = Upload.of(file.name, content, spec)
    remember(upload, file.name)
    st.session_state[choice] = str(upload)


def predicted(model: ex.Model, image: Image.Image, key: str) -> ex.Prediction:
    """The model's answer, kept for every page."""
    prediction: ex.Prediction = result_cache().get(
        ("predict", model.fingerprint, key), lambda: ex.predict(model, image)
    )
    return prediction


def short_hash(*parts: object) -> str:
    """Eight hex digits of anything printable, for names of files."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
