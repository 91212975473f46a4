"""Fixed texts of every model card: purpose, uses, limits, ethics."""

from __future__ import annotations

RESEARCH = "Research software, not a diagnostic device."
SYNTHETIC = (
    "SYNTHETIC DATA: trained and measured on generated patches. Its figures say nothing about tissue. "
)
PURPOSE = (
    "To tell patches of 50×50 pixels of breast tissue, stained with hematoxylin and eosin, with invasive "
    "ductal carcinoma (class 1) from those without (class 0). "
)
USES = (
    "For: research and teaching on histopathology pipelines; ranking patches for a second look in "
    "retrospective studies. Not for: diagnosis, screening, triage, treatment or any decision on a patient; "
    "other organs, stains, magnifications or scanners than those it was measured on; carcinoma other than "
    "invasive ductal."
)
FACTORS = (
    "Stain, scanner and magnification; the share of tumour and of background in a slide; patches at the "
    "outline of a tumour, whose label is uncertain; patches at the edge of a slide, which are padded with "
    "white or left out."
)
RISK = "A missed carcinoma or a false alarm would harm a patient if an answer were taken for a diagnosis."
ETHICS = (
    "Age, ethnicity, stage and place of treatment of the patients are not in the data, so that fairness "
    "between groups cannot be measured. Patients are numbers; nobody should try to find out who they are. "
    "Labels are one reading of a slide: its errors are learned, and count as right in every figure."
)
CAVEATS = (
    "A patch is not a patient: figures are of patches, bounds of resampled patients. Patches of one patient "
    "resemble each other, so that the number of patients, not of patches, says how much is known. The "
    "threshold keeps its promise of sensitivity on the validation patients; on others it may find less. "
    "Calibrated probabilities presuppose a share of carcinoma like validation's. Measure again before "
    "any use on other data, and watch for drift."
)
LICENCE = (
    "as its source says; for Kaggle's Breast Histopathology Images see "
    "https://www.kaggle.com/datasets/paultimothymooney/breast-histopathology-images. Cite Cruz-Roa et al. "
    "2014 and Janowczyk and Madabhushi 2016."
)
