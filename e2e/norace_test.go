//go:build soak || screenshot || chaos

package e2e

const buildFlag = "-trimpath" // as users build it: memory and speed count here
