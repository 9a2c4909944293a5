-- One server, a database for each of the two.
CREATE DATABASE prefect;
CREATE DATABASE label_studio;
