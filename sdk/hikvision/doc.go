// Package hikvision speaks to Hikvision cameras and recorders through the vendor's HCNetSDK, which is loaded when it is needed: nothing of it
// is in this project, and nothing is linked to it. README.md says what a user brings, and what is known of the library.
package hikvision
