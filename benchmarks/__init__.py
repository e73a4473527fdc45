"""trio_dicom side by side with other clients, on the same work in the same run."""
