int hpr_version(void) { return 6; }
