// A library that the stand-in needs, and that needs another: as in the vendor's, neither says in which folder that is.
int hpr_version(void);
int hccore_version(void) { return hpr_version(); }
