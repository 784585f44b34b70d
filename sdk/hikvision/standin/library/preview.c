// One of the components that are loaded when they are needed.
int hcpreview_version(void) { return 6; }
