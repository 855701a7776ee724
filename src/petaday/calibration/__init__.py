"""A chip's figures from measurements on this machine.

microbench   what to measure, and the measurements of a machine
timing       medians of timed calls, on the host's clock or the device's
torch_gpu    a machine that PyTorch drives
collectives  exchanges between this machine's GPUs
fit          a chip's law fitted to measurements, with standard errors
session      from measurements to a calibrated chip
payload      a calibration as plain data
write        a catalog file of the chip and its efficiencies
"""
