module linkstart

go 1.26
