declare -A words
for ((i = 0; i < 40000; i++)); do words[k$i]=$i; done
