"""Cholesky factorisations that run beside each other in threads.

LAPACK is SciPy's own, called where SciPy offers it to compiled code (`scipy.linalg.cython_lapack`): by way of ctypes it
runs without Python's lock, which `scipy.linalg.cho_factor` keeps.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cython_lapack

from secondlook.types import FloatArray


def _routine(name: str, arguments: int) -> Any:
    """A LAPACK routine that takes so many pointers."""
    capsule = cython_lapack.__pyx_capi__[name]
    python = ctypes.pythonapi
    signature = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", python))(capsule)
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", python))
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)(pointer(capsule, signature))


_factor = _routine("dpotrf", 5)
_solve = _routine("dpotrs", 8)


class Cholesky:
    """The factorisation of a symmetric positive definite matrix, float64 (n, n), which is overwritten.

    Raises:
        LinAlgError: it is not positive definite.
    """

    def __init__(self, matrix: FloatArray) -> None:
        self._table, self._n = np.require(matrix, np.float64, ["C", "W"]), ctypes.c_int(len(matrix))
        info, n = ctypes.c_int(), ctypes.byref(self._n)
        _factor(b"L", n, self._table.ctypes.data, n, ctypes.byref(info))
        if info.value:
            raise LinAlgError(f"expected a positive definite matrix, but row {info.value} shows that it is not")

    def solve(self, right: FloatArray) -> FloatArray:
        """x with matrix · x = right, float64 (n,)."""
        x = np.array(right, dtype=np.float64)
        info, n, one = ctypes.c_int(), ctypes.byref(self._n), ctypes.byref(ctypes.c_int(1))
        _solve(b"L", n, one, self._table.ctypes.data, n, x.ctypes.data, n, ctypes.byref(info))
        return x
