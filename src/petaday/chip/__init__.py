"""How fast a chip computes: seconds of an operator from a roofline with a few named efficiencies.

law        the efficiencies of one chip and dtype
roofline   seconds of a GEMM, of attention, of a memory-bound operator
calibrate  fit the GEMM law to measured kernels, and the kernel laws
kernels    laws of single serving kernels: kernel_gemm, kernel_attention, kernel_moe
"""
