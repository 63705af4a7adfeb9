"""Screenshots of every page in both themes, into docs/: `make shots`; of some: `python -m tests.support.browser.shots compare story`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.browser.chromium import find_chromium
from tests.support.browser.driving import QUIET, App
from tests.support.browser.server import ROOT, serve

PAGES = {
    "overview": ("", {}),
    "saliency": ("saliency", {"input": "scene:1000050"}),
    "grad_cam": ("grad_cam", {"model": "demo:signs-shortcut", "input": "scene:1000003+sticker"}),
    "perturbation": (
        "perturbation",
        {"perturbation_method": "KernelSHAP", "perturbation_kernel_shap_samples": "400", "input": "scene:1000050"},
    ),
    "attention": ("attention", {"model": "demo:signs-vit", "input": "scene:1000050"}),
    "relevance": ("relevance", {"input": "scene:1000050"}),
    "compare": (
        "compare",
        {
            "model": "demo:signs-shortcut",
            "input": "scene:1000003+sticker",
            "compare_methods": ["grad-cam", "layer-cam", "integrated-gradients"],
            "compare_columns_beside_methods": "models",
            "compare_models": ["the sidebar's", "demo:signs-cnn", "demo:signs-vit"],
        },
    ),
    "story": ("story", {"story_scene": "scene:1000041+sticker", "story_step": "2 · The maps"}),
    "weight_stats": ("weight_stats", {"weights_tensor": "layer3.0.conv2.weight"}),
}

WIDTH, HEIGHT = 1440, 1000


def main() -> int:
    path = find_chromium()
    if path is None:
        print("No Chromium: run python -m tests.support.browser.chromium", file=sys.stderr)
        return 1
    process, address = serve(Path(tempfile.mkdtemp()) / "log")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=QUIET)
            for scheme in ("light", "dark"):
                context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
                app = App(context.new_page(), address)
                for name, (page, query) in PAGES.items():
                    if sys.argv[1:] and name not in sys.argv[1:]:
                        continue
                    app.open(page, **query)
                    app.page.wait_for_timeout(1500)  # charts draw after the script has ended
                    file = ROOT / "docs" / f"{name}-{scheme}.png"
                    app.page.screenshot(path=file)
                    print(file.relative_to(ROOT))
                context.close()
            browser.close()
    finally:
        process.terminate()
        process.wait(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
