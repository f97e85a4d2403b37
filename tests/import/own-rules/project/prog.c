int util(void);
int main(){return util();}
