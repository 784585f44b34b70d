//go:build attack

package attack

const buildFlag = "-trimpath" // as users build it: memory and speed count here
