module clustercap

go 1.26
