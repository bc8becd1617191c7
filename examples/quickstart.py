"""Two real models on real data: what ``make quickstart`` runs."""

from __future__ import annotations

import time

import eight_schools
import ss_vae
import torch

if __name__ == "__main__":
    torch.set_num_threads(2)
    start = time.perf_counter()
    eight_schools.main()
    print()
    ss_vae.main()
    print(f"\nDone in {time.perf_counter() - start:.0f} s.")
