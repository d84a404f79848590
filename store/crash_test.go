package store_test

const childVariable = "BELAY_STORE_CHILD"

func child(string) int { return 0 }
