"""The process that keeps the jails. A client starts it afresh and asks it over a socket; neither trusts the other."""
