BEGIN { for (i = 0; i < 100000; i++) words["key " i] = i }
