# zsh -f zsh-offers.zsh COMPLETION LINE: what zsh offers at the end of a line, one a line. Completion wants a terminal, so a second zsh
# runs at one, and each candidate that its completion adds is printed with a mark.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=''; stty -echo"
zpty -w shell "autoload -Uz compinit; compinit -u -D; source $1"
zpty -w shell 'compadd() { if [[ " ${@[1,(i)(-|--)]}" == *" -"[OAD]" "* ]]; then builtin compadd "$@"; return; fi; local -a found; builtin compadd -A found "$@"; print -l -- "offered:"$^found }'
# The words of the marks are split where they are typed, so that no echo of them is taken for the mark itself.
zpty -w shell 'all-of-it() { _main_complete "$@"; print DO""NE }; zle -C all-of-it complete-word all-of-it; bindkey "^I" all-of-it; print REA""DY'
while zpty -r shell line; do [[ $line == *READY* ]] && break; done
zpty -n -w shell "$2"$'\t'
while zpty -r shell line; do
  [[ $line == *offered:* ]] && print -r -- ${${line##*offered:}%%$'\r'*}
  [[ $line == *DONE* ]] && break
done
zpty -d shell
