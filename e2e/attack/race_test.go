//go:build !attack

package attack

const buildFlag = "-race" // ends a program that has a race with code 66
