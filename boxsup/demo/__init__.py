"""The generated demo data: photographs of drawn shapes, with their boxes and masks."""
