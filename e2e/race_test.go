//go:build !soak && !screenshot && !chaos

package e2e

const buildFlag = "-race" // ends a program that has a race with code 66
