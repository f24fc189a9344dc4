//! Files of arrays: npy / npz, csv, safetensors.
