"""The default backend: ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from ..errors import ModelError
from ..packing import Packed


class OnnxBackend:
    """Runs ``model.onnx``, with as many threads as there are cores if not told otherwise."""

    most_tokens = 4096  # of a pass: more would not be faster, only larger

    def __init__(self, folder: Path, threads: int | None = None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes differ between versions
            raise ModelError(f"{folder / 'model.onnx'} cannot be loaded: {str(error).splitlines()[0]}") from None

    def __call__(self, batch: Packed) -> np.ndarray:
        """(B, K, labels) float32 logits."""
        return self._session.run(["logits"], batch.inputs())[0]
