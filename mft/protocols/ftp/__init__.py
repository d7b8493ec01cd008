"""FTP, explicit FTPS and implicit FTPS: the network face that is written in lines."""
